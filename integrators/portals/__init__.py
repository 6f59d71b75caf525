"""One file per portal: how it wants to be spoken to. `portal` is what they all are."""
