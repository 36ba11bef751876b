"""Short word lists: what sells, what flatters, what talks to people. Written for this project.

An entry is a word or a phrase (its words joined by `_`) of canonical, lower-case text;
a trailing `*` makes its last word a stem that any longer word may start with.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

from moderation.features.memory import Memory

_STEM_KEY = 3
_PARTS = re.compile(r"[^a-z]+")
_REMEMBERED = 1 << 14
"""Words whose topics are remembered, some 2 MB."""

COMMERCE = ("goods", "pills", "games", "money", "services", "adult", "bargain")
"""The topics of what is for sale."""

TOPICS: dict[str, str] = {
    "goods": """
        handbag* purse* louis_vuitton gucci prada chanel hermes burberry coach_outlet michael_kors ugg uggs
        nike jordan* air_max timberland moncler canada_goose north_face jersey* ray_ban* oakley sunglass*
        replica* rolex watches jewelry jewellery pandora tiffany beats_by_dre boots shoes sneaker* heels
        christian_louboutin abercrombie hollister ralph_lauren lacoste toms longchamp mulberry
        wedding_dress* hats jacket* outlet* wholesale* ghd perfume* sac pas_cher chaussures borse scarpe
        schuhe bolsas zapatos сумки обувь кроссовки
    """,
    "pills": """
        viagra cialis levitra tramadol xanax ambien phentermine valium soma pharmacy pharmacies drugstore rx
        no_prescription without_prescription generic pill pills tablets weight_loss lose_weight diet_pill*
        garcinia forskolin acai green_coffee raspberry_ketone* supplement* male_enhancement penis
        enlargement erectile testosterone hcg detox anti_aging wrinkle* acne electronic_cigarette*
        e_cigarette* vapor* hair_loss steroid* аптека таблетки похуде*
    """,
    "games": """
        casino* poker roulette blackjack slot slots jackpot* bet betting bookmaker* sportsbook gambl* bingo
        lottery lotto togel judi gacor maxwin judol wagering казино ставки букмекер* вулкан bahis iddaa
    """,
    "money": """
        payday* loan loans cash_advance* credit_score* bad_credit refinanc* mortgage* debt forex
        binary_option* bitcoin* crypto* invest* earn_money make_money earn extra_income passive_income
        work_from_home work_at_home home_based per_week per_month get_paid affiliate* insurance lenders
        recover_my recovered_my hack* заработ* подработ* доход* прибыл* кредит* займ* деньги инвестиц* инвестир*
        вложени* криптовалют* арбитраж* трейдинг* трейдер* биржа работа_на_дому удаленная_работа удаленный_заработ*
        в_день в_неделю в_месяц
        kredit préstamo* crédito* empréstimo*
    """,
    "services": """
        seo backlink* link_building search_engine_optimi* rank ranking* page_rank traffic web_design*
        web_hosting hosting marketing essay* dissertation* term_paper* coursework plumb* roof* locksmith*
        carpet* cleaning_service* moving_company movers real_estate realtor* attorney* lawyer* dentist* limo
        taxi towing massage solar_panel* contractor* remodel* storage repair_service*
        customer_support_number toll_free helpline iptv escorts translation_service* guest_post* раскрутка
        продвижение недвижимость ремонт*
    """,
    "adult": """
        porn* xxx sex sexy nude* naked webcam* cam_girls cams hookup* dating milf erotic* teens hot_girls
        adult_video* penpals singles порно* секс* знакомства
    """,
    "bargain": """
        cheap* discount* sale sales for_sale buy buying order_now purchase price* best_price* low_price*
        free_shipping coupon* promo* deal deals offer* bonus* free_trial guaranteed 100 online_store shop
        shopping store affordable on_line online download* torrent* crack* keygen serial_key unlimited
        limited_time brand_new high_quality top_quality authentic official купить скидк* цена дешев*
        заказать интернет_магазин kaufen günstig* billig* acheter prix comprar barato* precio* oferta*
        comprare kup tani* satın_al ucuz murah beli
    """,
    "invitation": """
        click_here click_this check_out_my check_out_our check_this_out check_it_out visit_my visit_our
        visit_this visit_us visit_here see_my my_website my_site my_web_site my_webpage my_web_page
        my_homepage my_home_page my_blog my_weblog my_page my_channel my_video* our_website our_site
        look_at_my feel_free_to stop_by surf_to take_a_look_at_my contact_me contact_us call_us call_now
        whatsapp telegram text_me email_me e_mail_me add_me sign_up subscribe subscribe_to_my follow_me join
        register_now read_more more_info* click link_below here_is_my here_are_my follow_the_link go_to
        log_on_to переходи* заходи* подпис* вступай* присоединяй* регистрируй* жми кликай* ссылк* пиши пишите
        напиши* отпиши* обращай* обращать* звони* в_лс личк* личные_сообщения телеграм* ватсап* mein_blog mon_site
        mon_blog mi_sitio mi_pagina meine_seite cek kunjungi
    """,
    "praise": """
        great_post nice_post good_post great_article nice_article good_article great_blog nice_blog
        awesome_blog wonderful_blog great_site nice_site great_website excellent_post excellent_article
        great_work good_work keep_up keep_it_up keep_writing great_info* good_info* useful_info*
        helpful_info* valuable_info* great_content quality_content well_written very_informative informative
        thank_you_for_sharing thanks_for_sharing thanks_for_the_post i_really_like i_really_enjoyed
        i_enjoyed i_love_your i_like_your your_blog your_website your_site your_web_site your_weblog
        your_article* your_post* your_writing your_content this_website this_web_site this_weblog this_blog
        this_site this_paragraph this_piece_of_writing this_write_up this_article this_post blog_post*
        web_page webpage bookmark* book_mark* rss rss_feed subscribed come_back visit_again
        stumbled_upon came_across stumbled google bing yahoo fantastic magnificent wonderful remarkable
        superb outstanding amazing terrific impressed looking_forward more_posts next_post keep_posting
        share_it sharing facebook twitter my_friend* my_cousin my_brother my_roommate readers writer writers
        bloggers blogging theme captcha plugin* hosting loading off_topic newsletter point_of_view topic
        subject knowledge expert spot_on write_up
    """,
    "spinning": """
        hey_there hi_there hello_there i'm_not_sure i_am_not_sure i_have_been i've_been i_was_suggested
        i'm_gonna i_will_be i'll_be i_must_say i_have_to_say i_wanted_to i_just_wanted just_wanted_to anyway
        anyways by_the_way definitely undoubtedly certainly absolutely actually really a_lot_of lots_of
        a_great_deal in_this on_this regarding concerning pertaining relating_to as_well_as in_addition
        moreover furthermore however therefore it's its that_you which_you simply pretty somewhat web
        internet net on_the_net on_the_web on_the_internet people persons individuals folks visitors guests
        audience
    """,
    "dialogue": """
        i_think i_don't i_dont i_do_not i_agree i_disagree i_guess i_believe i_mean i_tried i_got i_used
        i_use i_see i_know i_had i've_got i_was i_did i_can i_can't i_couldn't i_need i_found i_noticed i_wonder
        i_wouldn't i_didn't i_ran i_wrote i_assume i_suspect i_suppose i_remember i_thought i_prefer i_hope i_doubt
        i_hate we_use we_used we_had we_tried we_were my_point your_point my_wife my_husband my_kids my_own my_old
        you're_wrong you_are_wrong you_can you_could you_need you_mean you_say you_said you_mentioned if_you did_you
        do_you have_you are_you didn't_work doesn't_work not_sure no_idea at_least in_fact in_my so_far of_course
        he she they him her his their our us lol haha* hmm yeah yep nope btw imho imo wtf omg sorry oops ok okay
        well but because why how what who when would should could doesn't didn't isn't wasn't won't can't wouldn't
        shouldn't couldn't haven't hasn't weren't aren't don't not no never nothing nobody stupid idiot* shit* fuck*
        damn crap bullshit nonsense wrong right maybe perhaps probably apparently obviously unless although though
        still yet already again instead rather either neither exactly agree disagree
        ich nicht aber auch nur doch schon noch wenn weil je pas mais c'est não mas porque muito isso no_es pero
        jsem není ale taky jen když
    """,
    "craft": """
        code codes coding bug bugs error errors exception* install* version* compil* function* class classes method*
        script* file files folder* command* windows linux ubuntu mac macos android driver* api apis http https html css
        javascript python ruby java c asp_net dotnet sql git github test tests debug* log logs update* upgrade* fixed
        fix fixes works worked working issue issues problem* algorithm* array* string strings integer* variable* object*
        interface* parameter* argument* thread threads memory cpu cpus gpu kernel cache* latency benchmark* performance
        optimi* instruction* pointer* byte bytes bits loop* syntax regex* xml json yaml schema* table tables
        query queries index* database* server* client* request* response* browser* firefox chrome plugin* module*
        package* library libraries framework* repository branch* commit* merge* deploy* build builds config* setting*
        environment docker cloud router* network* protocol* port ports socket* encoding unicode utf parse* render*
        implement* abstract* refactor* pattern* dependency dependencies inject* namespace* assembl* runtime
        backend frontend developer* programmer* programming software hardware unit_test* stack_trace source_code
        open_source command_line theorem* proof proofs equation* hypothesis experiment* data dataset* statistic*
        probability research* scientist* science physics math* paper* peer_review circuit* voltage* transistor* sensor*
        resistor* firmware bios boot* partition* terminal shell sudo apt
    """,
}


ORDINARY: frozenset[str] = frozenset(
    """
    about accessory account action ad advice agency agent airline all animal apartment app appliance at auto baby
    back bag band bank bar bathroom beach beauty bed bedroom belt best bike birth blog board boat body book boot
    bottle box boy brand break broker build builder building burn business buyer by cake call camera can car card
    care cat cell center centre chair chart cheat check chicken child children chip city class clean cleaner cleaning
    click clinic clothes clothing club coach coat code coffee coin college color company compare computer consultant
    cooking cool copy cost country course cover crack credit cream cup cure custom cycle daily dance data date dental
    dentist design designer desk development device diet digital direct directory disease doctor dog dollar door
    drama dress drink drive driver drug easy eat education electric electronic email energy engine english equipment
    event exam exercise expert eye face facebook factory family fan fashion fast fat feed fence file film finance
    find fire firm fish fishing fit fitness fix flight floor flooring flower food football for forum free from full
    fun fund funny furniture gadget gallery game garage garden gas gear generator get gift girl glass go good grade
    great green group guide guitar gun gym hack hair hand hard health healthy heat heating help here hire history
    holiday home homepage horse hospital host hot hotel how human ice idea image in income industrial info
    information injury inn install instant international internet investor iphone is it item job joint juice kid kit
    kitchen knee language laser last lawn learn leather legal lesson light line link list live local lock logo look
    lose loss luxury machine magazine mail make maker man management manager manual map market mask mattress meal
    medical medicine meditation menu metal mini mobile model modern money monitor month motor mountain movie music
    nail natural near network new news night now number nursing nutrition of office oil old on online order organic
    our oven over pain paint painter painting paper parent part party password pay payment pc pen people pest pet
    phone photo photographer photography picture pie pill pizza place plan plant plastic play player plumber plus
    point police pool portable post power practice press printer printing problem product production professional
    profile program project property protection provider public pump purse quick quote race radio rate read real
    recipe red relief removal rent rental report rescue research resort restaurant result resume review ring road
    room rug running safe safety salon school science score screen search secret security self service sex shirt shoe
    shower sign single site size skin sleep small smart social sofa software solar solution song sound spa speaker
    spell sport staff start steel stock stop store story stream student style suit supplement supplier supply support
    surgery swimming system table tablet talk tax teacher team tech technology teeth tennis test the theme therapist
    therapy ticket tile time tip tire to tool tooth top toy trade training trainer transport travel treatment tree
    trick trip truck tube tutor tutorial tv ultimate uniform university update used vacation vacuum video view vision
    visit wall wallet wallpaper warranty wash watch water way weather web website wedding week weight what wheel
    where white wholesale wide wifi wig window wine with woman women word work worker workout world yoga you your
    """.split()
)
"""Common words that names of people seldom are, and search phrases mostly. Singular."""


REQUESTS: frozenset[str] = frozenset(
    """
    add apply ask book browse buy call check checkout click come comment contact discover donate download earn email
    enjoy feel find follow get give go google grab hear help hire hit hook install join learn let like listen look
    mail make meet message open order play pray press promote read register remember repost retweet save scroll
    search see send share shop sign start stop stream sub subs subscribe support take tap tell text try tune type use
    view visit vote watch whatsapp win write
    """.split()
)
"""Words that mostly ask the reader to do something when a text opens with them."""

CALLS: frozenset[str] = frozenset(
    """
    all also and anyway bro but btw dear dude everybody everyone fans friends gentlemen guys hello hey hi if just ladies
    lol madam man now oh ok okay omg or people pls please plz readers sir so viewers well wow yo
    """.split()
)
"""Words that may come before such a request."""


SELLING: tuple[str, ...] = tuple(
    """
    affiliate airmax backlink bags bargain betting bitcoin blackjack burberry cashadvance casino cheap cialis coupon
    credit cures debt diet discount escort essays fatburn finance forex freebies garcinia gucci hair handbag
    insurance jackets jerseys jordans kamagra lasik lawyer levitra loan loans locksmith loseweight lottery louboutin
    louisvuitton makemoney marketing mattress mlm moncler mortgage mulberry nikes outlet payday penis pharma pharmacy
    pills plumber poker porn prada purses ralphlauren rayban realestate refinance replicas rolex roofing roulette seo
    shoes shopping singles slots steroids sunglasses supplement tiffany tramadol ugg uggs viagra vuitton watches
    webcam weightloss wholesale xanax xxx
    """.split()
)
"""What addresses of advertisers end in."""
_OPENING = tuple(word for word in SELLING if len(word) > 4)
"""Shorter ones open too many other words, as `seo` does `seoul`."""

_Entries = list[tuple[list[str], str]]
"""The words before the last, and the topic."""
_Found = tuple[Sequence[str], Mapping[str, _Entries]]
"""The topics of a word by itself, and the phrases that it closes by the word before."""


@cache
def _entries() -> tuple[dict[str, _Entries], dict[str, list[tuple[str, list[str], str]]]]:
    """All entries by their last word; those that end in a stem by how it begins, with the stem."""
    whole: defaultdict[str, _Entries] = defaultdict(list)
    stems: defaultdict[str, list[tuple[str, list[str], str]]] = defaultdict(list)
    for topic, entries in TOPICS.items():
        for entry in entries.split():
            *before, last = entry.removesuffix("*").split("_")
            if entry.endswith("*"):
                stems[last[:_STEM_KEY]].append((last, before, topic))
            else:
                whole[last].append((before, topic))
    return dict(whole), dict(stems)


def topics_of(words: Sequence[str]) -> Mapping[str, int]:
    """How often each topic is touched by a sequence of lower-case words; topics without a hit are left out."""
    hits: list[str] = []
    listed = [(place, found) for place, found in enumerate(map(_found.__getitem__, words)) if found]
    for place, (topics, phrases) in listed:
        hits += topics
        if phrases:
            closed = phrases.get(words[place - 1], ())
            hits += [topic for before, topic in closed if words[max(0, place - len(before)) : place] == before]
    return Counter(hits) if hits else {}


def _find(word: str) -> _Found | None:
    """What is listed of a word, `None` for most."""
    whole, stems = _entries()
    entries = whole.get(word, [])
    if word[:_STEM_KEY] in stems:
        begun = stems[word[:_STEM_KEY]]
        entries = entries + [(before, topic) for stem, before, topic in begun if word.startswith(stem)]
    if not entries:
        return None
    phrases: defaultdict[str, _Entries] = defaultdict(list)
    for before, topic in entries:
        if before:
            phrases[before[-1]].append((before, topic))
    topics = dict.fromkeys(topic for before, topic in entries if not before)
    return tuple(topics), dict(phrases)


_found = Memory(_find, _REMEMBERED)


def sells(address: str) -> bool:
    """Whether a part of a lower-case address begins or ends with a word that sells, as in `bestpaydayloans`."""
    return any(part.endswith(SELLING) or part.startswith(_OPENING) for part in _PARTS.split(address))
