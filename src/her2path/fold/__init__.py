"""Histories as folds: small state machines over a patient's sorted events, one source for one and for many."""
