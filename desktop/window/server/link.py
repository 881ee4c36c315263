"""The server that was chosen: its token, whether it answers, what is on it, and the acts on its releases; without widgets."""

from __future__ import annotations

from collections.abc import Callable

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from common.client import Client
from common.errors import NotAllowed, OtaError, TokenWanted
from common.release_list import ReleaseList
from desktop.server import Server, TokenNotSent
from desktop.tokens import Keeping, Tokens, plain_address
from desktop.window.jobs import Job, Jobs

_EVERY = 5000
"""Milliseconds between looks at the server."""
_KEYRING = 2000
"""Milliseconds that the keyring has before the server is asked without a token."""


class ServerLink(QObject):
    """Asks the server again and again, one question at a time.

    Threads: the UI thread calls it; its signals come there.
    """

    asking = pyqtSignal()
    """The first question to another server is under way."""
    answered = pyqtSignal(object)
    """The tuple of its Releases; the very same while nothing has changed."""
    silent = pyqtSignal(str)
    """A sentence: why there is no answer."""
    barred = pyqtSignal(str, bool)
    """A sentence: why it does not let us in; and whether a token would help. It is not asked again by itself."""
    token_changed = pyqtSignal(object)
    """The Keeping of its token."""
    refused = pyqtSignal(object)
    """The OtaError that answered an act."""

    def __init__(
        self, jobs: Jobs, tokens: Tokens | None = None, parent: QObject | None = None, insecure: bool = False
    ) -> None:
        """`insecure`: tokens may go over plain http."""
        super().__init__(parent)
        self._insecure = insecure
        self._jobs = jobs
        self._tokens = tokens or Tokens()
        self._token: str | None = None
        self._keyring: Job | None = None
        self._url: str | None = None
        self._reachable = False
        self._known = ReleaseList()
        self._question: Job | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY)
        self._timer.timeout.connect(self.refresh)
        self._patience = QTimer(self)
        self._patience.setInterval(_KEYRING)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self.refresh)

    @property
    def url(self) -> str | None:
        """The address, while it answers."""
        return self._url if self._reachable else None

    @property
    def server(self) -> Server | None:
        """The address and the token, while it answers."""
        return None if self.url is None else Server(self.url, self._token, self._insecure)

    @property
    def token(self) -> str | None:
        """What goes with each request to the server that was chosen."""
        return self._token

    def choose(self, url: str) -> None:
        """Ask this server from now on; "": none."""
        self._url, self._reachable, self._token = url.strip() or None, False, None
        self._known = ReleaseList()
        self._drop_question()
        self._leave_keyring()
        if self._url is None:
            self._timer.stop()
            self.token_changed.emit(Keeping.NONE)
            self.silent.emit(self.tr("No server is chosen."))
            return
        self.asking.emit()
        self._timer.start()
        self._load_token(self._url)

    def refresh(self) -> None:
        """Ask now, unless a question is under way, or is about to be because the keyring is asked for the token."""
        url, known = self._url, self._known
        if url is None or self._question is not None or self._patience.isActive():
            return

        asked = Server(url, self._token, self._insecure)

        def call(_progress: Callable[[int, int], None], _cancelled: Callable[[], bool]) -> ReleaseList:
            with asked.client(timeout=10, connect_timeout=3) as client:
                return client.release_list(known)

        def take(found: ReleaseList) -> None:
            self._question = None
            self._known = found
            self._reachable = True
            self._timer.start()
            self.answered.emit(found.releases)

        def miss(error: OtaError) -> None:
            self._question = None
            self._reachable = False
            if isinstance(error, NotAllowed):
                # Asking again with the wrong token may have the server lock us out.
                self._timer.stop()
                self._tell_barred(error, asked)
            else:
                self._timer.start()
                self.silent.emit(str(error))

        self._question = self._jobs.start(call, take, miss)

    def set_token(self, token: str) -> None:
        """Use this token from now on, and keep it."""
        if self._url is None:
            return
        url, self._token = self._url, token
        self._leave_keyring()
        self.token_changed.emit(Keeping.KEEPING)

        def call(_progress: Callable[[int, int], None], _cancelled: Callable[[], bool]) -> bool:
            return self._tokens.save(url, token)

        def kept(lasting: bool) -> None:
            self._keyring = None
            self.token_changed.emit(Keeping.KEYRING if lasting else Keeping.SESSION)

        self._keyring = self._jobs.start(call, kept, lambda _error: kept(False))
        self._ask_anew()

    def forget_token(self) -> None:
        """Use none, and keep none."""
        if self._url is None:
            return
        url, self._token = self._url, None
        self._leave_keyring()
        self.token_changed.emit(Keeping.NONE)
        self._jobs.start(lambda _progress, _cancelled: self._tokens.forget(url), lambda _none: None, self.refused.emit)
        self._ask_anew()

    def _load_token(self, url: str) -> None:
        def call(_progress: Callable[[int, int], None], _cancelled: Callable[[], bool]) -> tuple[str | None, bool]:
            return self._tokens.load(url), self._tokens.ends_with_program(url)

        def take(found: tuple[str | None, bool]) -> None:
            self._keyring = None
            self._token, brief = found
            known = Keeping.SESSION if brief else Keeping.KEYRING
            self.token_changed.emit(Keeping.NONE if self._token is None else known)
            waited = not self._patience.isActive()
            self._patience.stop()
            if self._token is None and waited:
                return
            self._ask_anew()

        self.token_changed.emit(Keeping.LOOKING)
        self._patience.start()
        self._keyring = self._jobs.start(call, take, lambda _error: take((None, False)))

    def _leave_keyring(self) -> None:
        """What it is asked for now is for another server, or another token."""
        self._patience.stop()
        if self._keyring is not None:
            self._keyring.silence()
            self._keyring = None

    def _drop_question(self) -> None:
        if self._question is not None:
            self._question.silence()
            self._question = None

    def _ask_anew(self) -> None:
        """A question that is under way has another token."""
        self._drop_question()
        if not self._reachable:
            self.asking.emit()
        self.refresh()

    def _tell_barred(self, error: NotAllowed, asked: Server) -> None:
        why = str(error)
        about_token = isinstance(error, TokenWanted | TokenNotSent)
        if isinstance(error, TokenNotSent):
            sentence = "{why}"
        elif not about_token:  # such as a name that the server does not go by, where no token helps
            sentence = self.tr("The server at {url} does not let this computer in: {why}")
        elif asked.token is None:
            sentence = self.tr("The server at {url} wants a token: {why}")
        else:
            sentence = self.tr("The server at {url} does not take this token: {why}")
        self.barred.emit(sentence.format(url=plain_address(asked.url), why=why), about_token)

    def withdraw(self, publish_id: str) -> None:
        """Take a release out of service."""
        self._act(lambda client: client.withdraw(publish_id))

    def restore(self, publish_id: str) -> None:
        """Give it back."""
        self._act(lambda client: client.restore(publish_id))

    def remove(self, publish_id: str) -> None:
        """Delete it; whoever calls has asked."""
        self._act(lambda client: client.remove(publish_id))

    def _act(self, act: Callable[[Client], object]) -> None:
        if self._url is None:
            return
        asked = Server(self._url, self._token, self._insecure)

        def call(_progress: Callable[[int, int], None], _cancelled: Callable[[], bool]) -> object:
            with asked.client(timeout=20, connect_timeout=3) as client:
                return act(client)

        self._jobs.start(call, lambda _result: self.refresh(), self._refuse)

    def _refuse(self, error: OtaError) -> None:
        self.refused.emit(error)
        self.refresh()
