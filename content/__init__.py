"""What the dealership says of itself beside its cars: articles, testimonials, stories, pages.

A noun: tables, rules and verbs. It knows vehicles and people who wrote; the doors above show it.
"""
