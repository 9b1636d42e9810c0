"""The networks slid over a record, on a grid of absolute time.

`scanner` runs the stages over a record: the window network (`sliding_network`, its first layer in `sliding_products`),
then the `context_network`. `onset_network` is the third stage, which looks at single picks;
`stages` makes them from what a model file holds.
"""
