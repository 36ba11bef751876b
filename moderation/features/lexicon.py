"""Short word lists: what sells, what flatters, what talks to people. Written for this project.

An entry is a word or a phrase (its words joined by `_`) of canonical, lower-case text;
a trailing `*` makes it a stem that any longer word may start with.
"""

from collections import Counter, defaultdict
from functools import cache

_STEM_KEY = 3

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
        binary_option* bitcoin* crypto* invest* earn_money make_money earn_* extra_income passive_income
        work_from_home work_at_home home_based per_week per_month get_paid affiliate* insurance lenders
        recover*_my hack* заработ* кредит* займ* деньги kredit préstamo* crédito* empréstimo*
    """,
    "services": """
        seo backlink* link_building search_engine_optimi* rank ranking* page_rank traffic web_design*
        web_hosting hosting marketing essay* dissertation* term_paper* coursework plumb* roof* locksmith*
        carpet* cleaning_service* moving_company movers real_estate realtor* attorney* lawyer* dentist* limo
        taxi towing escort* massage solar_panel* contractor* remodel* storage repair_service*
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
        log_on_to переходи* подпис* пишите mein_blog mon_site mon_blog mi_sitio mi_pagina meine_seite cek
        kunjungi
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
        web_page webpage bookmark* book_mark* bookmarked rss rss_feed subscribed come_back visit_again
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
        i_use i_see i_know i_had i've_got you're_wrong you_are_wrong he she they him her lol haha* hmm yeah
        yep nope btw imho imo wtf omg sorry oops ok okay well but because why how what who when would should
        could doesn't didn't isn't wasn't won't can't wouldn't shouldn't aren't not no never nothing stupid
        idiot* shit* fuck* damn crap bullshit nonsense wrong maybe perhaps probably still yet already again
    """,
    "craft": """
        code bug bugs error errors exception install* version compile* function class method server script
        file files folder command windows linux ubuntu mac android driver* api http html css javascript
        python ruby java c asp_net dotnet sql git github test tests debug* log update* upgrade* fixed fix
        works worked working issue problem
    """,
}


_Topics = tuple[str, ...]


@cache
def _entries() -> tuple[dict[str, _Topics], dict[str, list[tuple[str, str]]], dict[str, list[tuple[list[str], str]]]]:
    """Topics of whole words, stems by how they begin, and phrases by their last word, each with the words before it."""
    whole: defaultdict[str, _Topics] = defaultdict(tuple)
    stems: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    phrases: defaultdict[str, list[tuple[list[str], str]]] = defaultdict(list)
    for topic, entries in TOPICS.items():
        for entry in entries.split():
            *before, last = entry.removesuffix("*").split("_")
            if before:
                phrases[last].append((before, topic))
            elif entry.endswith("*"):
                stems[last[:_STEM_KEY]].append((last, topic))
            else:
                whole[last] += (topic,)
    return dict(whole), dict(stems), dict(phrases)


def topics_of(words: list[str]) -> Counter[str]:
    """How often each topic is touched by a sequence of lower-case words; topics without a hit are left out."""
    whole, stems, phrases = _entries()
    hits: list[str] = []
    for place, word in enumerate(words):
        if word in whole:
            hits += whole[word]
        key = word[:_STEM_KEY]
        if key in stems:
            hits += [topic for stem, topic in stems[key] if word.startswith(stem)]
        if word in phrases:
            hits += [topic for before, topic in phrases[word] if words[max(0, place - len(before)) : place] == before]
    return Counter(hits)
