heading-invoice = Новый счёт
heading-rule = Правило { $rule }
heading-event = { $rule } ({ $trigger })

fact-file = Файл
fact-folder = Папка
fact-name = Имя
fact-uploaded-by = Кто загрузил
fact-uploaded-on = Когда
fact-by = Кто
fact-on = Когда
fact-room = Комната
fact-copied-to = Скопирован в
fact-moved-to = Перемещён в
unknown-user = неизвестный пользователь
place-with-id = { $title } (id { $id })
place-id = id { $id }
open = Открыть
open-address = Открыть: { $address }
sent-by = Отправлено docspace-courier, правило { $rule }

chat-uploaded-by = загрузил(а) { $person }
chat-by = { $person }
chat-to-room = в { $room }
chat-in-room = в { $room }
chat-copied-to = скопирован в { $folder }
chat-now-in = теперь в { $folder }

date-time = { $day } { month } { $year } г., { $time } { $zone }
month = { $month ->
    [1] января
    [2] февраля
    [3] марта
    [4] апреля
    [5] мая
    [6] июня
    [7] июля
    [8] августа
    [9] сентября
    [10] октября
    [11] ноября
   *[12] декабря
}

alert-dead-letters = { $count ->
    [one] { $count } действие не выполнено
    [few] { $count } действия не выполнены
   *[many] { $count } действий не выполнено
}
alert-dead-letters-text = Эти действия не выполнены и больше не повторяются:
alert-dead-letters-more = и ещё { $count }
alert-dead-letters-help = Они сохранены. Устраните причину, перезапустите службу, если меняли её настройки, и повторите их. Нынешние правила применяются заново, а сделанное не повторяется:
alert-list-command = почему они не выполнены
alert-preview-command = что изменит повтор
alert-replay-command = повторяет их
alert-dead-letters-resolved = Решено: невыполненных действий нет
alert-dead-letters-resolved-text = Все невыполненные действия повторены или отменены.
alert-key-refused = портал отклоняет ключ API
alert-key-refused-text = Вся работа ждёт, пока ключ снова не заработает; ничего не потеряно.
    Проверьте ключ в DocSpace: Инструменты разработчика, Ключи API.
alert-key-refused-resolved = Решено: ключ API работает
alert-key-refused-resolved-text = Портал снова принимает ключ; работа продолжается.
alert-webhook-disabled = вебхук портала отключён или удалён
alert-webhook-disabled-text = DocSpace не доставляет события. Вместо этого просматриваются отслеживаемые комнаты, что занимает больше времени.
    Включите вебхук в DocSpace: Инструменты разработчика, Вебхуки.
alert-webhook-disabled-resolved = Решено: вебхук включён
alert-webhook-disabled-resolved-text = Портал снова доставляет события; пропущенные будут получены.
alert-channel-down = уведомления или вызовы ждут
alert-channel-down-text = Эти каналы не работают уже пять минут:
alert-channel-down-help = То, что нужно отправить, ждёт, пока они не заработают; ничего не потеряно.
alert-channel-down-resolved = Решено: все каналы работают
alert-channel-down-resolved-text = То, что ждало, отправляется.
alert-portal = Портал: { $portal }
