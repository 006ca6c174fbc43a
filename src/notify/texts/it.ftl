heading-invoice = Nuova fattura
heading-rule = Regola { $rule }
heading-event = { $rule } ({ $trigger })

fact-file = File
fact-folder = Cartella
fact-name = Nome
fact-uploaded-by = Caricato da
fact-uploaded-on = Caricato il
fact-by = Da
fact-on = Il
fact-room = Stanza
fact-copied-to = Copiato in
fact-moved-to = Spostato in
unknown-user = una persona sconosciuta
place-with-id = { $title } (id { $id })
place-id = id { $id }
open = Apri
open-address = Apri: { $address }
sent-by = Inviato da docspace-courier, regola { $rule }

chat-uploaded-by = caricato da { $person }
chat-by = da { $person }
chat-to-room = in { $room }
chat-in-room = in { $room }
chat-copied-to = copiato in { $folder }
chat-now-in = ora in { $folder }

date-time = { $day } { month } { $year }, { $time } { $zone }
month = { $month ->
    [1] gennaio
    [2] febbraio
    [3] marzo
    [4] aprile
    [5] maggio
    [6] giugno
    [7] luglio
    [8] agosto
    [9] settembre
    [10] ottobre
    [11] novembre
   *[12] dicembre
}

alert-dead-letters = { $count ->
    [one] 1 azione non riuscita
   *[other] { $count } azioni non riuscite
}
alert-dead-letters-text = Queste azioni non sono riuscite e non vengono ritentate:
alert-dead-letters-more = { $count ->
    [one] e un’altra
   *[other] e altre { $count }
}
alert-dead-letters-help = Vengono conservate. Correggete la causa, riavviate il servizio se ne avete cambiato la configurazione, poi ripetetele. Le regole attuali vengono valutate di nuovo, e ciò che è fatto non viene ripetuto:
alert-list-command = perché non sono riuscite
alert-preview-command = che cosa cambia una ripetizione
alert-replay-command = le ripete
alert-dead-letters-resolved = Risolto: nessuna azione non riuscita
alert-dead-letters-resolved-text = Tutte le azioni non riuscite sono state ripetute o scartate.
alert-key-refused = il portale rifiuta la chiave API
alert-key-refused-text = Tutto il lavoro attende finché la chiave non funziona di nuovo; nulla va perso.
    Controllate la chiave in DocSpace in Strumenti per sviluppatori, Chiavi API.
alert-key-refused-resolved = Risolto: la chiave API funziona
alert-key-refused-resolved-text = Il portale accetta di nuovo la chiave; il lavoro continua.
alert-webhook-disabled = il webhook del portale è disattivato o eliminato
alert-webhook-disabled-text = DocSpace non consegna eventi. Al loro posto vengono elencate le stanze osservate, il che richiede più tempo.
    Attivate il webhook in DocSpace in Strumenti per sviluppatori, Webhook.
alert-webhook-disabled-resolved = Risolto: il webhook è attivo
alert-webhook-disabled-resolved-text = Il portale consegna di nuovo gli eventi; quelli mancanti vengono recuperati.
alert-channel-down = notifiche o chiamate in attesa
alert-channel-down-text = Questi canali sono inutilizzabili da cinque minuti:
alert-channel-down-help = Ciò che va inviato attende finché non funzionano di nuovo; nulla va perso.
alert-channel-down-resolved = Risolto: tutti i canali funzionano
alert-channel-down-resolved-text = Ciò che attendeva viene inviato.
alert-portal = Portale: { $portal }
