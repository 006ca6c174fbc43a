heading-invoice = 新发票
heading-rule = 规则 { $rule }
heading-event = { $rule } ({ $trigger })

fact-file = 文件
fact-folder = 文件夹
fact-name = 名称
fact-uploaded-by = 上传者
fact-uploaded-on = 上传时间
fact-by = 操作者
fact-on = 时间
fact-room = 房间
fact-copied-to = 已复制到
fact-moved-to = 已移动到
unknown-user = 未知用户
place-with-id = { $title } (id { $id })
place-id = id { $id }
open = 打开
open-address = 打开：{ $address }
sent-by = 由 docspace-courier 发送，规则 { $rule }

chat-uploaded-by = 由 { $person } 上传
chat-by = 操作者：{ $person }
chat-to-room = 到 { $room }
chat-in-room = 在 { $room }
chat-copied-to = 已复制到 { $folder }
chat-now-in = 现在位于 { $folder }

date-time = { $year }年{ month }{ $day }日 { $time } { $zone }
month = { $month }月

alert-dead-letters = { $count } 个操作最终失败
alert-dead-letters-text = 以下操作最终失败：
alert-dead-letters-more = 以及另外 { $count } 个
alert-dead-letters-help = 它们会被保留。请排除原因；如果更改了配置，请重新启动服务，然后重放这些操作。系统会按当前规则重新判断，已完成的操作不会重复：
alert-list-command = 查看失败原因
alert-preview-command = 查看重放会改变什么
alert-replay-command = 重放它们
alert-dead-letters-resolved = 已解决：没有失败的操作
alert-dead-letters-resolved-text = 所有失败的操作都已重放或放弃。
alert-key-refused = 门户拒绝了 API 密钥
alert-key-refused-text = 所有工作都会等待，直到密钥恢复有效；不会丢失任何内容。
    请在 DocSpace 的“开发人员工具”“API 密钥”中检查密钥。
alert-key-refused-resolved = 已解决：API 密钥有效
alert-key-refused-resolved-text = 门户重新接受密钥；工作继续进行。
alert-webhook-disabled = 门户的 Webhook 已被禁用或删除
alert-webhook-disabled-text = DocSpace 不再发送事件。系统改为逐一列出所监视的房间，这需要更长时间。
    请在 DocSpace 的“开发人员工具”“Webhooks”中启用 Webhook。
alert-webhook-disabled-resolved = 已解决：Webhook 已启用
alert-webhook-disabled-resolved-text = 门户重新发送事件；错过的事件会被补取。
alert-channel-down = 通知或调用正在等待
alert-channel-down-text = 以下渠道已有五分钟无法使用：
alert-channel-down-help = 待发送的内容会等到它们恢复；不会丢失任何内容。
alert-channel-down-resolved = 已解决：所有渠道正常
alert-channel-down-resolved-text = 等待中的内容正在发送。
alert-portal = 门户：{ $portal }
