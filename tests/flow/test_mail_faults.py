"""Mail under kill -9 of usherd and Redis; tools/bench mail does it longer."""

import mail_faults
from mailbox import MAIL
from runner import check, main, test


@test(limit_s=240)
async def every_mail_that_was_taken_is_a_contact_and_none_is_two(start):
    centre = await start(mail=MAIL, judged=False, patience_s=90, queues=mail_faults.LONG)
    counts = await mail_faults.everything(centre, 400, pause_s=1.5)
    check(counts["router"] + counts["redis"] > 0, counts)


if __name__ == "__main__":
    main()
