heading-invoice = Neue Rechnung
heading-rule = Regel { $rule }
heading-event = { $rule } ({ $trigger })

fact-file = Datei
fact-folder = Ordner
fact-name = Name
fact-uploaded-by = Hochgeladen von
fact-uploaded-on = Hochgeladen am
fact-by = Von
fact-on = Am
fact-room = Raum
fact-copied-to = Kopiert nach
fact-moved-to = Verschoben nach
unknown-user = einer unbekannten Person
place-with-id = { $title } (ID { $id })
place-id = ID { $id }
open = Öffnen
open-address = Öffnen: { $address }
sent-by = Gesendet von docspace-courier, Regel { $rule }

chat-uploaded-by = hochgeladen von { $person }
chat-by = von { $person }
chat-to-room = in { $room }
chat-in-room = in { $room }
chat-copied-to = kopiert nach { $folder }
chat-now-in = jetzt in { $folder }

date-time = { $day }. { month } { $year }, { $time } { $zone }
month = { $month ->
    [1] Januar
    [2] Februar
    [3] März
    [4] April
    [5] Mai
    [6] Juni
    [7] Juli
    [8] August
    [9] September
    [10] Oktober
    [11] November
   *[12] Dezember
}

alert-dead-letters = { $count ->
    [one] 1 endgültig fehlgeschlagene Aktion
   *[other] { $count } endgültig fehlgeschlagene Aktionen
}
alert-dead-letters-text = Diese Aktionen sind endgültig fehlgeschlagen:
alert-dead-letters-more = und { $count } weitere
alert-dead-letters-help = Sie bleiben erhalten. Beheben Sie die Ursache, starten Sie den Dienst neu, falls Sie seine Konfiguration geändert haben, und lassen Sie sie dann wiederholen. Die jetzigen Regeln werden erneut ausgewertet, und was erledigt ist, wird nicht wiederholt:
alert-list-command = warum sie fehlgeschlagen sind
alert-preview-command = was eine Wiederholung ändert
alert-replay-command = wiederholt sie
alert-dead-letters-resolved = Behoben: keine fehlgeschlagenen Aktionen
alert-dead-letters-resolved-text = Alle fehlgeschlagenen Aktionen wurden wiederholt oder verworfen.
alert-key-refused = das Portal lehnt den API-Schlüssel ab
alert-key-refused-text = Alle Arbeit wartet, bis der Schlüssel wieder gilt; nichts geht verloren.
    Prüfen Sie den Schlüssel in DocSpace unter Entwicklertools, API-Schlüssel.
alert-key-refused-resolved = Behoben: der API-Schlüssel gilt wieder
alert-key-refused-resolved-text = Das Portal nimmt den Schlüssel wieder an; die Arbeit geht weiter.
alert-webhook-disabled = der Webhook des Portals ist deaktiviert oder gelöscht
alert-webhook-disabled-text = DocSpace stellt keine Ereignisse zu. Stattdessen werden die beobachteten Räume aufgelistet, was länger dauert.
    Aktivieren Sie den Webhook in DocSpace unter Entwicklertools, Webhooks.
alert-webhook-disabled-resolved = Behoben: der Webhook ist aktiviert
alert-webhook-disabled-resolved-text = Das Portal stellt wieder Ereignisse zu; versäumte werden geholt.
alert-channel-down = Benachrichtigungen oder Aufrufe warten
alert-channel-down-text = Diese Kanäle sind seit fünf Minuten nicht nutzbar:
alert-channel-down-help = Was zu senden ist, wartet, bis sie wieder funktionieren; nichts geht verloren.
alert-channel-down-resolved = Behoben: alle Kanäle funktionieren
alert-channel-down-resolved-text = Was gewartet hat, wird gesendet.
alert-portal = Portal: { $portal }
