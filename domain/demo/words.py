"""The words names and titles are made of, in several languages and scripts."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Tongue:
    """A language with its script, where it is sung, and words enough to name people and songs in it.

    language: BCP 47. script: ISO 15924. between: what stands between words. weight: how common it is.
    """

    language: str
    script: str
    countries: tuple[str, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]
    words: tuple[str, ...]
    weight: int
    between: str = " "
    family_first: bool = False


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TONGUES = (
    Tongue(
        "en",
        "Latn",
        ("US", "GB", "IE", "AU", "NG"),
        _split(
            "Alice Amara Ben Cora Dana Elliott Faye Gideon Hazel Imogen Jonah Keziah Leo Mabel Nolan Opal "
            "Piers Quinn Rosa Silas Tess Uma Vera Wes Xena Yara Zeke Bo Dexter Ivy"
        ),
        _split(
            "Ashdown Bexley Carrow Dunmore Ellery Farrow Galt Hartley Idle Jessop Kestrel Lomax Marlow "
            "Nash Okafor Pell Quarry Rook Sable Thorne Underhill Vane Whitlock Yarrow Adeyemi Birch Crane "
            "Dove"
        ),
        _split(
            "Midnight River Golden Hollow Summer Paper Neon Distant Electric Silver Harbour Ghost Morning "
            "Velvet Broken Signal Winter Garden Static Ocean Lonely Engine Crystal Shadow Northern Fire "
            "Quiet Machine Gravity Mirror Honey Thunder Falling Satellite Home Blue Wild Horses Tomorrow "
            "Dancing Letters Rain"
        ),
        46,
    ),
    Tongue(
        "de",
        "Latn",
        ("DE", "AT", "CH"),
        _split("Änne Bärbel Clemens Dörte Elfriede Götz Hannes Ilse Jürgen Käthe Lothar Mascha Nele Uwe"),
        _split(
            "Ährenfeld Birnbaum Döring Eichhorn Fürst Grünwald Höfer Königsberg Lüders Möbius Weiß Ziegler"
        ),
        _split(
            "Nacht Straße Sehnsucht Mädchen Fernweh Über Wolken Größe Herz Stille Zeit Regen Grün Kälte "
            "Licht Traum Schöne Welt Süden Morgenröte Heimweh Zug Frühling"
        ),
        9,
    ),
    Tongue(
        "fr",
        "Latn",
        ("FR", "BE", "CA", "SN"),
        _split("Adèle Benoît Chloé Désiré Élodie François Gaëlle Hélène Inès Joël Léa Maïwenn Noémie Zoé"),
        _split(
            "Aubépine Beaurivage Châtelain Deschênes Évrard Forêt Guérin L'Hôte Lefèvre Marée Noël Prévôt"
        ),
        _split(
            "Nuit Été Forêt Rêve Cœur Étoile L'amour Rivière Lumière Déjà Silence Fenêtre Océan Poussière "
            "Première Danse Hôtel Façade Départ Mémoire Là-bas"
        ),
        8,
    ),
    Tongue(
        "es",
        "Latn",
        ("ES", "MX", "AR", "CO", "CL"),
        _split("Álvaro Belén Camila Débora Íñigo Joaquín Lucía Martín Núria Óscar Paloma Raúl Sofía Ximena"),
        _split("Ávila Benítez Cordón Domínguez Echeverría Ibáñez León Muñoz Núñez Peñalver Quiñones Zúñiga"),
        _split(
            "Corazón Noche Fuego Mañana Canción Lluvia Camino Sueño Corriente Luna Espérame Adiós Niña "
            "Jardín Última Playa Señal Volcán Otoño Azúcar"
        ),
        10,
    ),
    Tongue(
        "pt-BR",
        "Latn",
        ("BR", "PT", "AO"),
        _split("Antônio Beatriz Caetana Davi Estêvão Flávia Inácio João Lívia Moacir Rosângela Vinícius"),
        _split("Araújo Brandão Conceição Guimarães Leão Magalhães Novaes Paixão Sampaio Simões Vidigal"),
        _split("Saudade Coração Amanhã Verão Canção Avião Solidão Chão Manhã Luz Mar Estação Ilusão Pão Fé"),
        6,
    ),
    Tongue(
        "tr",
        "Latn",
        ("TR",),
        _split("Ayşe Barış Çiğdem Doğan Elif Gülşen İpek Kağan Müjde Oğuz Şebnem Ümit"),
        _split("Akçay Bozdağ Çelik Doğruyol Gökçe Işık Kılıç Öztürk Şahin Yıldız"),
        _split("Gece Yağmur Aşk Yıldız Deniz Güneş Rüya Işık Çiçek Düş Şehir Yol Gökyüzü İstanbul"),
        3,
    ),
    Tongue(
        "ru",
        "Cyrl",
        ("RU", "KZ", "UA"),
        _split("Алёна Борис Вера Глеб Дарья Егор Жанна Илья Ксения Лев Мария Никита Ольга Фёдор"),
        _split("Абрамов Белов Воронцов Громов Ёлкин Жуков Зимин Крылов Лебедев Морозов Орлов Щукин"),
        _split("Ночь Река Дождь Сердце Зима Звезда Дорога Тишина Огонь Море Поезд Белая Город Сон Ветер Ещё"),
        5,
    ),
    Tongue(
        "el",
        "Grek",
        ("GR", "CY"),
        _split("Αλέξης Βασιλική Γιώργος Δήμητρα Ελένη Ζωή Θανάσης Ιωάννα Κώστας Μαρία Νίκος"),
        _split("Αγγελίδης Βενιζέλος Γεωργίου Δημητρίου Καλλέργης Λάμπρου Μακρής Παππάς"),
        _split("Νύχτα Θάλασσα Αγάπη Βροχή Φως Όνειρο Δρόμος Καρδιά Ήλιος Σιωπή Άνεμος Χειμώνας"),
        2,
    ),
    Tongue(
        "ja",
        "Jpan",
        ("JP",),
        _split("葵 陽菜 蓮 結衣 湊 さくら 大和 ひかり 颯太 凛 あゆみ 悠真"),
        _split("青木 石川 上田 岡本 木村 小林 佐々木 高橋 中島 橋本 三浦 山口"),
        _split("夜 夏 海 星 風 ひかり 花火 サヨナラ 東京 雨 夢 君 メロディー 空 春 ラブソング 静寂 電車"),
        5,
        "",
        family_first=True,
    ),
    Tongue(
        "ko",
        "Kore",
        ("KR",),
        _split("민준 서연 도윤 지우 하은 시우 수아 예준 지호 유나"),
        _split("김 이 박 최 정 강 조 윤 장 임"),
        _split("밤 사랑 별 바람 봄날 비 꿈 기억 바다 너에게 서울 안녕 여름 노래 하늘"),
        3,
        family_first=True,
    ),
    Tongue(
        "zh-Hans",
        "Hans",
        ("CN", "SG"),
        _split("伟 芳 娜 敏 静 丽 强 磊 洋 艳 勇 杰"),
        _split("王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙"),
        _split("夜晚 月光 大海 爱情 星空 回家 春天 雨 梦 远方 时间 城市 风 秘密 蓝色"),
        4,
        "",
        family_first=True,
    ),
    Tongue(
        "ar",
        "Arab",
        ("EG", "LB", "MA", "SA"),
        _split("أمل بسمة جميل حنان خالد داليا رامي سلمى طارق فيروزة كريم ليلى"),
        _split("الأسمر البدري التونسي الحداد الخطيب الرشيد السعدي الشامي النجار"),
        _split("ليل حبيبي قمر قلب بحر شمس حلم مطر طريق سلام غربة نجمة عود زمان"),
        4,
    ),
    Tongue(
        "he",
        "Hebr",
        ("IL",),
        _split("אביב דנה הדס יואב כרמל ליאור נועה עומר שירה תמר"),
        _split("אלון ברק גולן דרור כהן לוי מזרחי פרץ שגב"),
        _split("לילה ים אהבה גשם כוכב חלום שיר דרך לב שקט אור בית"),
        1,
    ),
    Tongue(
        "hi",
        "Deva",
        ("IN",),
        _split("अमृता भुवन चित्रा दीपक ईशा गौरव जया किरण मीरा नीलम राहुल सीमा"),
        _split("अग्रवाल भट्ट चौहान गुप्ता जोशी कपूर मेहता शर्मा वर्मा"),
        _split("रात प्यार दिल बारिश सपना चाँद तारा सफ़र गीत आसमान याद ख़ामोशी धूप"),
        4,
    ),
    Tongue(
        "th",
        "Thai",
        ("TH",),
        _split("กมล จันทร์ ดาว นภา พิม มาลี รัตนา วิชัย สมชาย"),
        _split("แก้วใส ทองดี บุญมา ใจดี ศรีสุข วงศ์ใหญ่"),
        _split("คืนนี้ ความรัก ทะเล ดวงดาว สายฝน หัวใจ ความฝัน เพลง แสง"),
        1,
        "",
    ),
)
WEIGHTS = tuple(tongue.weight for tongue in TONGUES)
BY_LANGUAGE = {tongue.language: tongue for tongue in TONGUES}

GROUP_PATTERNS = (
    "The {0} {1}s",
    "{0} {1}",
    "{0} & the {1}s",
    "{0}'s {1}",
    "{1}…{0}",
    "DJ {0}",
    "{0} {1} Orchestra",
    'The "{0}" Band',
)
TITLE_PATTERNS = (
    "{0} {1}",
    "{0} {1}",
    "{0}",
    "{0} in the {1}",
    "{0}, {1}, {2}",
    "No More {0}",
    "Don’t {0} the {1}",
    "{0} (The {1} Song)",
    "What {0}?",
    "{0} / {1}",
    "100% {0}",
    "{0}_{1}",
)
GENRES = _split(
    "Pop Rock Hip-Hop Electronic R&B Jazz Classical Folk Metal Country Reggae Latin House Techno Ambient "
    "Blues "
    "Soul Funk Punk Afrobeats K-Pop Soundtrack Gospel Schlager"
)
GENRE_WEIGHTS = (16, 13, 13, 10, 7, 5, 5, 4, 4, 4, 2, 6, 5, 4, 3, 2, 2, 2, 2, 3, 3, 3, 1, 2)
LABELS = (
    *("Low Tide Records", "Northlight", "Kettle & Crow", "Papierschiff", "Disques du Canal", "Halcyon Wax"),
    *("Sello Norte", "Mono Mountain", "Third Rail Music", "Wellenreiter", "Discos Ámbar", "青空レコード"),
    *("Blackbird Court", "Ninth Street Audio", "Музыка Невы", "Red Cabinet", "Open Window", "Sonora Vieja"),
)
INSTRUMENTS = _split(
    "Guitar BassGuitar Drums Piano Violin Cello Trumpet Saxophone Flute Synthesizer Percussion Voice Oud "
    "Koto "
    "Accordion Harp"
)
CREDIT_ROLES = _split(
    "Producer Mixer MasteringEngineer AssociatedPerformer RecordingEngineer Conductor Programmer"
)
JOIN_PHRASES = (" feat. ", " & ", ", ", " x ", " with ", " vs. ")
VERSIONS = ("Live", "Radio Edit", "Extended Mix", "Acoustic", "Instrumental", "Remastered", "Demo", "VIP Mix")


def song_title(random: Random, tongue: Tongue) -> str:
    """A title in the tongue: a pattern for English, one to three of its words for the others."""
    words = random.sample(tongue.words, 3)
    if tongue.language == "en":
        return random.choice(TITLE_PATTERNS).format(*words)
    return tongue.between.join(words[: random.choice((1, 1, 2, 2, 2, 3))])


def person_name(random: Random, tongue: Tongue) -> tuple[str, str]:
    """A person's name as printed, and as sorted."""
    given, family = random.choice(tongue.given), random.choice(tongue.family)
    if tongue.family_first:
        return f"{family}{tongue.between}{given}", f"{family}{tongue.between}{given}"
    if tongue.language == "en" and random.random() < 0.3:
        given = f"{given} {random.choice('ABCDEFGHJKLMNPRSTW')}."
    return f"{given} {family}", f"{family}, {given}"


def group_name(random: Random, tongue: Tongue) -> str:
    """A name of several people together."""
    words = random.sample(tongue.words, 2)
    if tongue.language == "en":
        return random.choice(GROUP_PATTERNS).format(*words)
    return tongue.between.join(words)
