heading-invoice = Nova fatura
heading-rule = Regra { $rule }
heading-event = { $rule } ({ $trigger })

fact-file = Ficheiro
fact-folder = Pasta
fact-name = Nome
fact-uploaded-by = Enviado por
fact-uploaded-on = Enviado em
fact-by = Por
fact-on = Em
fact-room = Sala
fact-copied-to = Copiado para
fact-moved-to = Movido para
unknown-user = uma pessoa desconhecida
place-with-id = { $title } (id { $id })
place-id = id { $id }
open = Abrir
open-address = Abrir: { $address }
sent-by = Enviado por docspace-courier, regra { $rule }

chat-uploaded-by = enviado por { $person }
chat-by = por { $person }
chat-to-room = para { $room }
chat-in-room = em { $room }
chat-copied-to = copiado para { $folder }
chat-now-in = agora em { $folder }

date-time = { $day } de { month } de { $year }, { $time } { $zone }
month = { $month ->
    [1] janeiro
    [2] fevereiro
    [3] março
    [4] abril
    [5] maio
    [6] junho
    [7] julho
    [8] agosto
    [9] setembro
    [10] outubro
    [11] novembro
   *[12] dezembro
}

alert-dead-letters = { $count ->
    [one] { $count } ação falhou definitivamente
   *[other] { $count } ações falharam definitivamente
}
alert-dead-letters-text = Estas ações falharam definitivamente:
alert-dead-letters-more = e mais { $count }
alert-dead-letters-help = Ficam guardadas. Corrija a causa, reinicie o serviço se alterou a configuração e depois repita-as. As regras atuais são avaliadas de novo, e o que está feito não se repete:
alert-list-command = porque falharam
alert-preview-command = o que uma repetição muda
alert-replay-command = repete-as
alert-dead-letters-resolved = Resolvido: não há ações falhadas
alert-dead-letters-resolved-text = Todas as ações falhadas foram repetidas ou descartadas.
alert-key-refused = o portal recusa a chave de API
alert-key-refused-text = Todo o trabalho espera até a chave voltar a funcionar; nada se perde.
    Verifique a chave no DocSpace em Ferramentas para programadores, Chaves de API.
alert-key-refused-resolved = Resolvido: a chave de API funciona
alert-key-refused-resolved-text = O portal aceita de novo a chave; o trabalho continua.
alert-webhook-disabled = o webhook do portal está desativado ou eliminado
alert-webhook-disabled-text = O DocSpace não entrega eventos. Em vez disso são percorridas as salas vigiadas, o que demora mais.
    Ative o webhook no DocSpace em Ferramentas para programadores, Webhooks.
alert-webhook-disabled-resolved = Resolvido: o webhook está ativado
alert-webhook-disabled-resolved-text = O portal entrega eventos de novo; os que faltam são recuperados.
alert-channel-down = notificações ou chamadas à espera
alert-channel-down-text = Estes canais estão fora de serviço há cinco minutos:
alert-channel-down-help = O que deve ser enviado espera até voltarem a funcionar; nada se perde.
alert-channel-down-resolved = Resolvido: todos os canais funcionam
alert-channel-down-resolved-text = O que esperava está a ser enviado.
alert-portal = Portal: { $portal }
