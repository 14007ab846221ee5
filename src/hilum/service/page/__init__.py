"""The page: films arrive, a work-list, and a room to read each in. Rendered on the server; scripts only add to it."""

from fastapi import APIRouter

from hilum.service.page import about, example, film, home, sign_in
from hilum.service.page.render import files_router, problem_page, redirect, render, require_reader

router = APIRouter(include_in_schema=False)
for part in (home.router, example.router, film.router, about.router, sign_in.router, files_router):
    router.include_router(part)

__all__ = ["problem_page", "redirect", "render", "require_reader", "router"]
