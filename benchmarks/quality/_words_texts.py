"""What is read to measure alignment: none of it was used to fit anything. English: Harvard lists."""

TEXTS: dict[str, tuple[str, ...]] = {
    "en": (
        "The hogs were fed chopped corn and garbage.",
        "A small creek cut across the field.",
        "Cars and busses stalled in snow drifts.",
        "The set of china hit the floor with a crash.",
        "This is a grand season for hikes on the road.",
        "The dune rose from the edge of the water.",
        "Those words were the cue for the actor to leave.",
        "A yacht slid around the point into the bay.",
        "The two met while playing on the sand.",
        "The ink stain dried on the finished page.",
        "The walled town was seized without a fight, and nobody knew who had opened the gate.",
        "The lease ran out in sixteen weeks; after that, we looked for another house.",
        "A tame squirrel makes a nice pet. The horn of the car woke the sleeping cop!",
        "The heart beat strongly and with firm strokes, but the pearl was worn in a thin silver ring.",
        "The fruit peel was cut in thick slices. Is it true that the Navy attacked the big task force?",
        "See the cat glaring at the scared mouse. There are more than two factors here.",
    ),
    "es": (
        "Mañana por la mañana iremos al mercado a comprar fruta y pan.",
        "La casa de mi abuela estaba al final del camino, junto al río.",
        "Nadie supo nunca quién había abierto la puerta aquella noche.",
        "¿Has visto mis llaves? Las dejé encima de la mesa hace un momento.",
    ),
    "de": (
        "Der alte Mann saß jeden Abend am Fenster und wartete auf den Zug.",
        "Kannst du mir bitte das Salz geben? Die Suppe schmeckt nach nichts.",
        "Im Winter liegt hier viel Schnee, aber im Sommer blühen die Wiesen.",
        "Niemand wusste, wer in jener Nacht die Tür geöffnet hatte.",
    ),
    "fr": (
        "Le vieux monsieur attendait le train chaque soir devant la gare.",
        "Nous irons au marché demain matin pour acheter du pain et des fruits.",
        "Est-ce que tu as vu mes clés? Je les avais laissées sur la table.",
        "Personne ne savait qui avait ouvert la porte cette nuit.",
    ),
    "it": (
        "Domani mattina andremo al mercato a comprare frutta e pane.",
        "La casa di mia nonna era in fondo alla strada, vicino al fiume.",
        "Hai visto le mie chiavi? Le avevo lasciate sul tavolo poco fa.",
        "Nessuno sapeva chi aveva aperto la porta quella notte.",
    ),
    "pt": (
        "Amanhã de manhã vamos ao mercado comprar fruta e pão.",
        "A casa da minha avó ficava no fim da estrada, perto do rio.",
        "Você viu as minhas chaves? Deixei em cima da mesa agora mesmo.",
        "Ninguém sabia quem tinha aberto a porta naquela noite.",
    ),
    "ko": (
        "내일 아침에 시장에 가서 과일과 빵을 살 거예요.",
        "할머니 집은 강 옆에 있는 작은 마을에 있었어요.",
        "열쇠를 보셨어요? 조금 전에 책상 위에 두었는데요.",
        "그날 밤에 누가 문을 열었는지 아무도 몰랐다.",
    ),
    "ja": (
        "あした ともだちと いっしょに うみへ いきます。",
        "わたしの いえは かわの そばに あります。",
        "だれが まどを あけたのか、 だれも しりませんでした。",
    ),
    "zh": (
        "明天早上我们去市场买水果和面包。",
        "我奶奶的家在河边的一个小村子里。",
        "你看见我的钥匙了吗?我刚才放在桌子上。",
        "那天晚上没有人知道是谁开了门。",
    ),
}
