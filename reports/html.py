def write_html(results, path):
    pass
