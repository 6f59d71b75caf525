"""The staff door: `/admin/`. The CMS, the desk and everything that staff see.

Every screen is a view of `admin.door`, closed until it says which permission opens it; every state
change calls a verb of the nouns below and is written to the audit log in the same transaction.
Only `app` and `demo` may import this package.
"""
