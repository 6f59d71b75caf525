"""The buyer's door: pages that show offers. Of the other doors only staff's may import it."""
