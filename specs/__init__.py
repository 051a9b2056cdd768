"""The workflow language: documents, manifests, selectors, and the compiler."""
