# The texts of notifications and alerts. Names and titles are values; the code has made them safe.

# Notifications: the heading, which is also the subject.
heading-invoice = New invoice
heading-rule = Rule { $rule }
heading-event = { $rule } ({ $trigger })

# The facts of a notification.
fact-file = File
fact-folder = Folder
fact-name = Name
fact-uploaded-by = Uploaded by
fact-uploaded-on = Uploaded on
fact-by = By
fact-on = On
fact-room = Room
fact-copied-to = Copied to
fact-moved-to = Moved to
unknown-user = an unknown user
place-with-id = { $title } (id { $id })
place-id = id { $id }
open = Open it
open-address = Open it: { $address }
sent-by = Sent by docspace-courier, rule { $rule }

# The parts of a chat message, in this order.
chat-uploaded-by = uploaded by { $person }
chat-by = by { $person }
chat-to-room = to { $room }
chat-in-room = in { $room }
chat-copied-to = copied to { $folder }
chat-now-in = now in { $folder }

date-time = { $day } { month } { $year }, { $time } { $zone }
month = { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
}

# Alerts.
alert-dead-letters = { $count ->
    [one] 1 dead letter
   *[other] { $count } dead letters
}
alert-dead-letters-text = These actions failed permanently:
alert-dead-letters-more = and { $count } more
alert-dead-letters-help = They are kept. Fix the cause, restart the service if you changed its configuration, then replay them. The current rules are evaluated again, and what is done is not repeated:
alert-list-command = why they failed
alert-preview-command = what a replay changes
alert-replay-command = replays them
alert-dead-letters-resolved = Resolved: no dead letters
alert-dead-letters-resolved-text = All dead letters were replayed or discarded.
alert-key-refused = the portal refuses the API key
alert-key-refused-text = All work waits until the key works again; nothing is lost.
    Check the key in DocSpace under Developer Tools, API keys.
alert-key-refused-resolved = Resolved: the API key works
alert-key-refused-resolved-text = The portal accepts the key again; work continues.
alert-webhook-disabled = the portal's webhook is disabled or deleted
alert-webhook-disabled-text = DocSpace delivers no events. The watched rooms are listed instead, which takes longer.
    Enable the webhook in DocSpace under Developer Tools, Webhooks.
alert-webhook-disabled-resolved = Resolved: the webhook is enabled
alert-webhook-disabled-resolved-text = The portal delivers events again; missed ones are fetched.
alert-channel-down = notifications or calls wait
alert-channel-down-text = These channels have been out of use for five minutes:
alert-channel-down-help = What is to be sent waits until they work again; nothing is lost.
alert-channel-down-resolved = Resolved: all channels work
alert-channel-down-resolved-text = What waited is being sent.
alert-portal = Portal: { $portal }
