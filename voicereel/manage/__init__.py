"""`voicereel-server`: run the service, make keys, migrate, bill, and find out what this machine can do."""

import click

from voicereel.domain.errors import Unavailable
from voicereel.manage.backup import backup
from voicereel.manage.billing import ledger, prices
from voicereel.manage.data import doctor, migrate, recover
from voicereel.manage.keys import keys, tenants
from voicereel.manage.serve import api, dispatcher, up, worker
from voicereel.settings import SettingsError
from voicereel.supervisor import HomeBusy


class _Commands(click.Group):
    """Tells an operator's mistakes in one line."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (HomeBusy, SettingsError, Unavailable) as error:
            raise click.ClickException(str(error)) from None


@click.group(cls=_Commands)
@click.version_option(package_name="voicereel")
def main() -> None:
    """VoiceReel's server side. Settings come from VOICEREEL_… variables and from options."""


for command in (up, api, worker, dispatcher, keys, tenants, prices, ledger, migrate, backup, recover, doctor):
    main.add_command(command)
