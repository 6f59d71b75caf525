"""Proves that no accepted lead is lost: the real site under fire, every answer compared."""
