"""Measuring: lines that are crossed, time spent in zones, velocities."""
