"""The process that makes props for others: a server without a GPU context, and its workers."""
