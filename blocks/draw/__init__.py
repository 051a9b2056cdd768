"""Drawing: blocks that put predictions on a picture."""
