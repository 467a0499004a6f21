"""What is true, due, unsafe and missing, and the plan: facts and tables become findings.

In: records and proven knowledge. Out: reviews: findings with rows, sources and origins, decisions, the plan.
"""
