"""The writes of rights: deals are created, edited and deleted like content, under a scope of their own."""

from domain.access.scopes import Scope
from domain.editing import declare

declare("deal", Scope.RIGHTS_WRITE)
