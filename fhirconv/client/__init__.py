"""One FHIR server over HTTP; knows nothing of cases, journals and the command line.

errors.py, address.py         what the others share; import nothing heavy
auth.py, smart.py             credentials: tokens, passwords, keys
connection.py, transport.py   one exchange: its deadline, its size, its origin
retry.py                      what is repeated, when, and how often
answers.py, capability.py     what a server said, read strictly
verdicts.py                   what that means for who asked: success, or which error
client.py                     FhirClient: transactions, look-ups, searches, $validate
"""
