"""One type of FHIR resource after another: each module reads some, and says in an entry all there is to say of each.

In: a resource and what its reader may ask. Out: events, specimens, tumour sites and troubles.
"""
