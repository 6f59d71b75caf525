"""What other systems send us: proven, kept as received, answered in their own form, read later."""
