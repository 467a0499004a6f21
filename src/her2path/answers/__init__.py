"""Five questions that need no record: the dose, the LVEF, the HER2 result, contraception, substitution.

In: a few facts as a person says them. Out: an answer with the chain of rows behind it, and what is missing.
"""
