"""The detections on the wires: ``supervision.Detections`` with a fixed set of fields.

Every detections value in Trackwire carries ``tracker_id`` as an int array (also when empty),
masks as ``sv.CompactMask`` and the ``data`` fields named here. Boxes are half-open.
"""
