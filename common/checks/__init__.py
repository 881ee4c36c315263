"""The rules that a release is held against, one module a thing that is checked; common/preflight.py composes them."""
