"""The pages of the knowledge: what stands in tables that decide nothing, and that the code reads by name.

In: `product/products.md` and `course/numbers.md` of a folder. Out: typed products, drugs and numbers, or problems.
"""
