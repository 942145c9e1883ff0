"""What changes in the resources of cases between two sets of mappings, and which entries of the mappings are why.

sides.py names the two sets and finds the entries that differ; causes.py leads from a changed element to such entries;
impact.py counts over cases, with memory that does not grow with them; told.py says it.
"""
