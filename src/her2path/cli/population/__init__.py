"""`her2path cohort` and `measure`: whole populations, reviewed into a folder and counted."""
