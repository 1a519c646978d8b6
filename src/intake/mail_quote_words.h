/* intake/mail_quote_words.h - what mail programs write around a mail, in the languages
 * they speak. Lists end with NULL. ASCII letters are compared whatever their case. */
#ifndef USHER_INTAKE_MAIL_QUOTE_WORDS_H
#define USHER_INTAKE_MAIL_QUOTE_WORDS_H

/* "On 1 May, Ann wrote:" - how such a line begins ... */
static const char *const quote_openings[] = {"on ", "am ", "le ", "el ", "il ", "em ",
	"op ", "den ", "w dniu ", "dne ", "dnia ", "pe ", "la ", "на ", "в ", "at ",
	"den.", "ons ", "mån ", "tis ", "tor ", "fre ", "lør ", "søn ", "man ", "ma ",
	"ti ", "ke ", "to ", "su ", "mer. ", "lun ", "mar ", "mer ", "gio ", "ven ",
	"sab ", "dom ", "jeu. ", "ven. ", "lun. ", "mar. ", "sam. ", "dim. ", "pt., ",
	"pon., ", "wt., ", "śr., ", "czw., ", "sob., ", "niedz., ", "vào ", "tarihinde ",
	NULL};
/* ... and the word it is known by. */
static const char *const quote_verbs[] = {"wrote", "writes", "schrieb", "a écrit",
	"escribió", "ha scritto", "escreveu", "schreef", "skrev", "napisał", "napisał(a)",
	"napisała", "napsal", "napsal(a)", "написал", "написал(а)", "написала", "пишет",
	"пише", "написав", "kirjoitti", "yazdı", "a scris", "napísal", "írta", "έγραψε",
	"写道", "寫道", "のメール", "书写", "작성", "שלח", "كتب", "đã viết", NULL};

/* Lines that stand above a whole mail; between dashes, or with a colon at the end. */
static const char *const quote_titles[] = {"original message", "original appointment",
	"forwarded message", "forwarded by", "begin forwarded message",
	"message d'origine", "message original", "message transféré", "message transmis",
	"courriel original", "début du message réexpédié", "début du message transféré",
	"ursprüngliche nachricht", "originalnachricht", "originale nachricht",
	"weitergeleitete nachricht", "anfang der weitergeleiteten nachricht",
	"urspr. nachricht", "mensaje original", "mensaje reenviado",
	"inicio del mensaje reenviado", "messaggio originale", "messaggio inoltrato",
	"inizio messaggio inoltrato", "mensagem original", "mensagem encaminhada",
	"início da mensagem reencaminhada", "oorspronkelijk bericht", "origineel bericht",
	"doorgestuurd bericht", "begin doorgestuurd bericht", "ursprungligt meddelande",
	"vidarebefordrat meddelande", "oprindelig meddelelse", "opprinnelig melding",
	"videresendt melding", "alkuperäinen viesti", "wiadomość oryginalna",
	"oryginalna wiadomość", "przekazana wiadomość", "původní zpráva",
	"přeposlaná zpráva", "исходное сообщение", "пересылаемое сообщение",
	"оригінальне повідомлення", "orijinal mesaj", "iletilen mesaj", "原始邮件",
	"原始郵件", "转发的邮件", "元のメッセージ", "転送されたメッセージ", "원본 메시지",
	NULL};

/* Names of fields, as programs show them above a mail. */
static const char *const quote_fields[] = {"from", "to", "cc", "bcc", "sent", "date",
	"subject", "reply-to", "importance", "attachments", "von", "an", "gesendet",
	"betreff", "datum", "kopie", "antwort an", "de", "à", "a", "envoyé", "objet",
	"date", "répondre à", "da", "inviato", "oggetto", "risposta", "data",
	"rispondi a", "para", "enviado", "enviado el", "asunto", "fecha", "assunto",
	"responder a", "van", "aan", "verzonden", "onderwerp", "beantwoorden - aan",
	"fra", "til", "emne", "dato", "sendt", "från", "till", "skickat", "ämne",
	"lähettäjä", "vastaanottaja", "aihe", "lähetetty", "od", "do", "wysłano", "temat",
	"wysłane", "komu", "odesláno", "předmět", "kimden", "kime", "konu", "tarih",
	"gönderen", "От", "от", "Кому", "кому", "Отправлено", "Дата", "дата", "Тема",
	"тема", "Від", "Надіслано", "发件人", "收件人", "发送时间", "主题", "抄送",
	"寄件者", "收件者", "主旨", "差出人", "宛先", "送信日時", "件名", "日付",
	"보낸 사람", "받는 사람", "제목", "보낸 날짜", NULL};

/* What telephones and programs add below a text. */
static const char *const quote_devices[] = {"sent from", "sent via", "sent with",
	"sent by", "sent on my", "get outlook for", "get [outlook", "from my iphone",
	"from my ipad", "from my android", "from my mobile", "from my phone",
	"envoyé depuis", "envoyé de mon", "envoyé à partir", "obtenez outlook",
	"von meinem", "von unterwegs", "gesendet von", "gesendet mit",
	"diese nachricht wurde von", "diese e-mail wurde von", "holen sie sich outlook",
	"verzonden met", "verzonden vanaf", "verstuurd vanaf", "enviado desde",
	"enviado do meu", "enviado a partir", "enviado via", "obtener outlook",
	"inviato da", "scarica outlook", "skickat från", "sendt fra", "lähetetty",
	"wysłano z", "wysłane z", "odesláno z", "iphone'umdan gönderildi",
	"iphone'dan gönderildi", "Отправлено с", "Отправлено из", "Надіслано з", "從我的",
	"发自我的", "发送自", "iphoneから送信", "나의 iphone에서", "someone from mobile",
	NULL};

/* How paragraphs begin that lawyers add. */
static const char *const quote_notices[] = {"confidentiality notice",
	"disclaimer:", "this e-mail and any", "this email and any",
	"this email message and any", "this e-mail message and any",
	"this message and any", "this message is intended",
	"this communication is confidential", "the information contained in this e",
	"diese e-mail enthält vertrauliche", "diese e-mail kann vertrauliche",
	"diese nachricht ist vertraulich", "ce message et toutes les pièces",
	"ce message et ses pièces", "este mensaje y sus anexos",
	"este correo electrónico y", "questo messaggio e", "il presente messaggio",
	"dit bericht is vertrouwelijk", NULL};

#endif
