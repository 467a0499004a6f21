"""Courses in a closed loop: heart and echoes, the rules decide, the next dose follows.

In: a policy and a scenario. Out: holds, stops, doses, comparisons, and records.
"""
