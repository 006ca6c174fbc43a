heading-invoice = Nouvelle facture
heading-rule = Règle { $rule }
heading-event = { $rule } ({ $trigger })

fact-file = Fichier
fact-folder = Dossier
fact-name = Nom
fact-uploaded-by = Déposé par
fact-uploaded-on = Déposé le
fact-by = Par
fact-on = Le
fact-room = Salle
fact-copied-to = Copié dans
fact-moved-to = Déplacé dans
unknown-user = une personne inconnue
place-with-id = { $title } (id { $id })
place-id = id { $id }
open = Ouvrir
open-address = Ouvrir : { $address }
sent-by = Envoyé par docspace-courier, règle { $rule }

chat-uploaded-by = déposé par { $person }
chat-by = par { $person }
chat-to-room = dans { $room }
chat-in-room = dans { $room }
chat-copied-to = copié dans { $folder }
chat-now-in = maintenant dans { $folder }

date-time = { $day } { month } { $year }, { $time } { $zone }
month = { $month ->
    [1] janvier
    [2] février
    [3] mars
    [4] avril
    [5] mai
    [6] juin
    [7] juillet
    [8] août
    [9] septembre
    [10] octobre
    [11] novembre
   *[12] décembre
}

alert-dead-letters = { $count ->
    [one] { $count } action a échoué définitivement
   *[other] { $count } actions ont échoué définitivement
}
alert-dead-letters-text = Ces actions ont échoué définitivement :
alert-dead-letters-more = { $count ->
    [one] et { $count } autre
   *[other] et { $count } autres
}
alert-dead-letters-help = Elles sont conservées. Corrigez la cause, redémarrez le service si vous avez changé sa configuration, puis rejouez-les. Les règles actuelles sont évaluées de nouveau, et ce qui est fait n’est pas répété :
alert-list-command = pourquoi elles ont échoué
alert-preview-command = ce que changerait une nouvelle exécution
alert-replay-command = les rejoue
alert-dead-letters-resolved = Résolu : plus aucune action échouée
alert-dead-letters-resolved-text = Toutes les actions échouées ont été rejouées ou abandonnées.
alert-key-refused = le portail refuse la clé API
alert-key-refused-text = Tout le travail attend que la clé fonctionne de nouveau ; rien n’est perdu.
    Vérifiez la clé dans DocSpace sous Outils de développement, Clés API.
alert-key-refused-resolved = Résolu : la clé API fonctionne
alert-key-refused-resolved-text = Le portail accepte de nouveau la clé ; le travail continue.
alert-webhook-disabled = le webhook du portail est désactivé ou supprimé
alert-webhook-disabled-text = DocSpace n’envoie aucun événement. Les salles surveillées sont parcourues à la place, ce qui prend plus de temps.
    Activez le webhook dans DocSpace sous Outils de développement, Webhooks.
alert-webhook-disabled-resolved = Résolu : le webhook est activé
alert-webhook-disabled-resolved-text = Le portail envoie de nouveau les événements ; ceux qui manquent sont récupérés.
alert-channel-down = des notifications ou des appels attendent
alert-channel-down-text = Ces canaux sont inutilisables depuis cinq minutes :
alert-channel-down-help = Ce qui doit être envoyé attend qu’ils fonctionnent de nouveau ; rien n’est perdu.
alert-channel-down-resolved = Résolu : tous les canaux fonctionnent
alert-channel-down-resolved-text = Ce qui attendait est en cours d’envoi.
alert-portal = Portail : { $portal }
