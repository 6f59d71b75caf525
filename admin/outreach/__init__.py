"""Lists of companies and customers, contacts from files, and what comes after a sale."""
