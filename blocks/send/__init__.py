"""Blocks that send values out of a workflow: into files, to other machines."""
