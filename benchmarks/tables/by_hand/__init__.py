"""The six flows by hand, one program an engine: ``python by_x.py FLOW DATA OUT [pruned]``.

Same meaning as our flows: the declared types and format, every declared column of every row converted,
order of rows kept, Parquet with zstd. Each prints the rows it wrote.
"""
