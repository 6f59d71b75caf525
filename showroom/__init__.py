"""The buyer's door: pages that show offers. Stands on the nouns; no other door imports it but staff's."""
