"""The networks slid over a record, on a grid of absolute time.

`scanning` runs the stages over a record: the window network (`sliding`, its first layer in `sliding_products`), then
the `context` network. `onset_network` is the third stage, which looks at single picks.
"""
