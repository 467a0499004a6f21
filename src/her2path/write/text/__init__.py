"""Text for a first look: what a person must see to act.

In: reviews of patients. Out: the first lines of one patient, the worklist of many.
"""
