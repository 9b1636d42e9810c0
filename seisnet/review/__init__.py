"""Review: the `page` on which an analyst answers for each pick, and the file of `answers`, which is labels again."""
