"""A results file as one page for a browser: what was asked, what came of it, how to get it again.

Each part of the page is a module that turns a campaign or results into blocks (`blocks`): facts, tables,
pictures, text. `page` makes HTML of blocks and knows nothing of campaigns.
"""
