"""The query language: operations on values, and statements that are true or false of them."""
