"""Trackers: blocks that give objects a mask and an identity that lasts through a stream."""
