"""Flow control: blocks that decide whether the steps after them run."""
