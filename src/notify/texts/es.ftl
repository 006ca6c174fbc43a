heading-invoice = Nueva factura
heading-rule = Regla { $rule }
heading-event = { $rule } ({ $trigger })

fact-file = Archivo
fact-folder = Carpeta
fact-name = Nombre
fact-uploaded-by = Subido por
fact-uploaded-on = Subido el
fact-by = Por
fact-on = El
fact-room = Sala
fact-copied-to = Copiado a
fact-moved-to = Movido a
unknown-user = una persona desconocida
place-with-id = { $title } (id { $id })
place-id = id { $id }
open = Abrir
open-address = Abrir: { $address }
sent-by = Enviado por docspace-courier, regla { $rule }

chat-uploaded-by = subido por { $person }
chat-by = por { $person }
chat-to-room = a { $room }
chat-in-room = en { $room }
chat-copied-to = copiado a { $folder }
chat-now-in = ahora en { $folder }

date-time = { $day } de { month } de { $year }, { $time } { $zone }
month = { $month ->
    [1] enero
    [2] febrero
    [3] marzo
    [4] abril
    [5] mayo
    [6] junio
    [7] julio
    [8] agosto
    [9] septiembre
    [10] octubre
    [11] noviembre
   *[12] diciembre
}

alert-dead-letters = { $count ->
    [one] 1 acción falló definitivamente
   *[other] { $count } acciones fallaron definitivamente
}
alert-dead-letters-text = Estas acciones fallaron definitivamente:
alert-dead-letters-more = y { $count } más
alert-dead-letters-help = Se conservan. Corrija la causa, reinicie el servicio si cambió su configuración y luego repítalas. Las reglas actuales se evalúan de nuevo, y lo que está hecho no se repite:
alert-list-command = por qué fallaron
alert-preview-command = qué cambia una repetición
alert-replay-command = las repite
alert-dead-letters-resolved = Resuelto: no hay acciones fallidas
alert-dead-letters-resolved-text = Todas las acciones fallidas se repitieron o se descartaron.
alert-key-refused = el portal rechaza la clave API
alert-key-refused-text = Todo el trabajo espera hasta que la clave vuelva a funcionar; no se pierde nada.
    Compruebe la clave en DocSpace, en Herramientas para desarrolladores, Claves API.
alert-key-refused-resolved = Resuelto: la clave API funciona
alert-key-refused-resolved-text = El portal acepta de nuevo la clave; el trabajo continúa.
alert-webhook-disabled = el webhook del portal está desactivado o eliminado
alert-webhook-disabled-text = DocSpace no entrega eventos. En su lugar se recorren las salas vigiladas, lo que tarda más.
    Active el webhook en DocSpace, en Herramientas para desarrolladores, Webhooks.
alert-webhook-disabled-resolved = Resuelto: el webhook está activado
alert-webhook-disabled-resolved-text = El portal entrega eventos de nuevo; los que faltan se recuperan.
alert-channel-down = hay notificaciones o llamadas en espera
alert-channel-down-text = Estos canales llevan cinco minutos fuera de servicio:
alert-channel-down-help = Lo que debe enviarse espera hasta que vuelvan a funcionar; no se pierde nada.
alert-channel-down-resolved = Resuelto: todos los canales funcionan
alert-channel-down-resolved-text = Lo que esperaba se está enviando.
alert-portal = Portal: { $portal }
