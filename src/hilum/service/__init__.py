"""The reading room: films in over HTTP or by a web page, the one answer out. No torch here.

`hilum serve` is the way in; `hilum.service.app.create_app` gives the ASGI application. All of it needs the extra
`hilum[serve]`.
"""
