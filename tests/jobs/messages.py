"""Messages of our own: an album in ERN 4.3, as small or long as a test wants, and a purge of it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from xml.sax.saxutils import escape

SENDER = "PADPIDA2014010101H"
RECIPIENT = "PADPIDA2014010102F"
OTHER_SENDER = "PADPIDA2014010103D"


def day(number: int) -> datetime:
    """An instant in a made-up month; later days have higher numbers."""
    return datetime(2026, 3, number, 12, 0, tzinfo=UTC)


FIRST_DAY = day(1)


@dataclass(frozen=True)
class Album:
    """What a sender says of one album. tracks: their titles; isrcs count on from `first`."""

    upc: str = "00602557190298"
    title: str = "Night Ferries"
    artist: str = "The Harbour Lights"
    tracks: tuple[str, ...] = ("Moorings", "Tide Table")
    first: int = 1
    territories: tuple[str, ...] = ("DE", "FR")
    created: datetime = FIRST_DAY
    sender: str = SENDER
    recipient: str = RECIPIENT
    message_id: str | None = None
    catalog_number: str | None = None
    test: bool = False

    def but(self, **changed: object) -> "Album":
        """The same album with something said differently."""
        return replace(self, **changed)  # type: ignore[arg-type]

    def isrc(self, number: int) -> str:
        """The ISRC of a track by its number from 1."""
        return f"QZAAA26{self.first + number - 1:05d}"

    @property
    def xml(self) -> bytes:
        """The NewReleaseMessage."""
        numbers = range(1, len(self.tracks) + 1)
        return _indented(
            f"""<?xml version="1.0" encoding="UTF-8"?>
<ern:NewReleaseMessage xmlns:ern="http://ddex.net/xml/ern/43" ReleaseProfileVersionId="Audio"
  LanguageAndScriptCode="en" AvsVersionId="3">
{_header(self)}
<PartyList>
  <Party><PartyReference>PArtist</PartyReference>
    <PartyName><FullName>{escape(self.artist)}</FullName></PartyName></Party>
  <Party><PartyReference>PLabel</PartyReference>
    <PartyName><FullName>Quay Records</FullName></PartyName></Party>
</PartyList>
<ResourceList>
{"".join(_recording(self, number) for number in numbers)}
  <Image>
    <ResourceReference>A{len(self.tracks) + 1}</ResourceReference>
    <Type>FrontCoverImage</Type>
    <ResourceId><ProprietaryId Namespace="{self.sender}">COVER{self.upc}</ProprietaryId></ResourceId>
    <ParentalWarningType>NotExplicit</ParentalWarningType>
    <TechnicalDetails>
      <TechnicalResourceDetailsReference>T{len(self.tracks) + 1}</TechnicalResourceDetailsReference>
      <File><URI>{self.upc}.jpg</URI></File>
    </TechnicalDetails>
  </Image>
</ResourceList>
<ReleaseList>
{_release(self)}
{"".join(_track_release(self, number) for number in numbers)}
</ReleaseList>
<DealList>
{_deals(self)}
</DealList>
</ern:NewReleaseMessage>"""
        )

    def purge(self, created: datetime, sender: str | None = None) -> bytes:
        """The PurgeReleaseMessage for the album."""
        by = self.but(created=created, sender=sender or self.sender, message_id=f"purge-{self.upc}")
        return _indented(
            f"""<?xml version="1.0" encoding="UTF-8"?>
<ern:PurgeReleaseMessage xmlns:ern="http://ddex.net/xml/ern/43"
  LanguageAndScriptCode="en" AvsVersionId="3">
{_header(by)}
<PurgedRelease>
  <ReleaseId><ICPN>{self.upc}</ICPN></ReleaseId>
  <Title TitleType="FormalTitle"><TitleText>{escape(self.title)}</TitleText></Title>
</PurgedRelease>
</ern:PurgeReleaseMessage>"""
        )


def _shown_as(album: Album) -> str:
    name = escape(album.artist)
    where = 'ApplicableTerritoryCode="Worldwide" IsDefault="true"'
    return f"<DisplayArtistName {where}>{name}</DisplayArtistName>"


def _header(album: Album) -> str:
    created = album.created.isoformat()
    return f"""<MessageHeader>
  <MessageThreadId>thread-{album.upc}</MessageThreadId>
  <MessageId>{album.message_id or f"{album.upc}-{created}"}</MessageId>
  <MessageSender><PartyId>{album.sender}</PartyId>
    <PartyName><FullName>Quay Distribution</FullName></PartyName></MessageSender>
  <MessageRecipient><PartyId>{album.recipient}</PartyId>
    <PartyName><FullName>A Service</FullName></PartyName></MessageRecipient>
  <MessageCreatedDateTime>{created}</MessageCreatedDateTime>
  {"<MessageControlType>TestMessage</MessageControlType>" if album.test else ""}
</MessageHeader>"""


def _recording(album: Album, number: int) -> str:
    title = escape(album.tracks[number - 1])
    return f"""  <SoundRecording>
    <ResourceReference>A{number}</ResourceReference>
    <Type>MusicalWorkSoundRecording</Type>
    <SoundRecordingEdition>
      <ResourceId><ISRC>{album.isrc(number)}</ISRC></ResourceId>
      <PLine><Year>2026</Year><PLineText>(P) 2026 Quay Records</PLineText></PLine>
      <TechnicalDetails>
        <TechnicalResourceDetailsReference>T{number}</TechnicalResourceDetailsReference>
        <DeliveryFile><Type>AudioFile</Type><File><URI>{album.upc}_{number}.wav</URI></File></DeliveryFile>
      </TechnicalDetails>
    </SoundRecordingEdition>
    <DisplayTitleText>{title}</DisplayTitleText>
    <DisplayTitle ApplicableTerritoryCode="Worldwide" IsDefault="true">
      <TitleText>{title}</TitleText></DisplayTitle>
    {_shown_as(album)}
    <DisplayArtist SequenceNumber="1"><ArtistPartyReference>PArtist</ArtistPartyReference>
      <DisplayArtistRole>MainArtist</DisplayArtistRole></DisplayArtist>
    <Contributor SequenceNumber="1"><ContributorPartyReference>PArtist</ContributorPartyReference>
      <Role>Artist</Role></Contributor>
    <Duration>PT3M{number:02d}S</Duration>
    <ParentalWarningType>NotExplicit</ParentalWarningType>
    <LanguageOfPerformance>en</LanguageOfPerformance>
  </SoundRecording>
"""


def _release(album: Album) -> str:
    title = escape(album.title)
    catalog = (
        f'<CatalogNumber Namespace="{album.sender}">{album.catalog_number}</CatalogNumber>'
        if album.catalog_number
        else ""
    )
    places = "".join(
        f"""      <ResourceGroupContentItem><SequenceNumber>{number}</SequenceNumber>
        <ReleaseResourceReference>A{number}</ReleaseResourceReference></ResourceGroupContentItem>
"""
        for number in range(1, len(album.tracks) + 1)
    )
    cover = f"A{len(album.tracks) + 1}"
    return f"""  <Release>
    <ReleaseReference>R0</ReleaseReference>
    <ReleaseType>Album</ReleaseType>
    <ReleaseId>{f"<ICPN>{album.upc}</ICPN>" if album.upc else ""}{catalog}</ReleaseId>
    <DisplayTitleText>{title}</DisplayTitleText>
    <DisplayTitle ApplicableTerritoryCode="Worldwide" IsDefault="true">
      <TitleText>{title}</TitleText></DisplayTitle>
    {_shown_as(album)}
    <DisplayArtist SequenceNumber="1"><ArtistPartyReference>PArtist</ArtistPartyReference>
      <DisplayArtistRole>MainArtist</DisplayArtistRole></DisplayArtist>
    <ReleaseLabelReference ApplicableTerritoryCode="Worldwide">PLabel</ReleaseLabelReference>
    <PLine><Year>2026</Year><PLineText>(P) 2026 Quay Records</PLineText></PLine>
    <CLine><Year>2026</Year><CLineText>(C) 2026 Quay Records</CLineText></CLine>
    <Genre ApplicableTerritoryCode="Worldwide"><GenreText>Pop</GenreText></Genre>
    <ReleaseDate>2026-03-01</ReleaseDate>
    <ParentalWarningType>NotExplicit</ParentalWarningType>
    <ResourceGroup>
      <SequenceNumber>1</SequenceNumber>
{places}
      <LinkedReleaseResourceReference LinkDescription="CoverArt">{cover}</LinkedReleaseResourceReference>
    </ResourceGroup>
  </Release>
"""


def _track_release(album: Album, number: int) -> str:
    own = f"{album.upc}_{album.isrc(number)}"
    return f"""  <TrackRelease>
    <ReleaseReference>R{number}</ReleaseReference>
    <ReleaseId><ProprietaryId Namespace="{album.sender}">{own}</ProprietaryId></ReleaseId>
    <ReleaseResourceReference>A{number}</ReleaseResourceReference>
    <ReleaseLabelReference ApplicableTerritoryCode="Worldwide">PLabel</ReleaseLabelReference>
    <Genre ApplicableTerritoryCode="Worldwide"><GenreText>Pop</GenreText></Genre>
  </TrackRelease>
"""


def _deals(album: Album) -> str:
    territories = "".join(f"<TerritoryCode>{code}</TerritoryCode>" for code in album.territories)
    terms = f"""<Deal><DealTerms>
      {territories}
      <ValidityPeriod><StartDateTime>2026-03-01T00:00:00+00:00</StartDateTime></ValidityPeriod>
      <CommercialModelType>SubscriptionModel</CommercialModelType>
      <UseType>OnDemandStream</UseType>
    </DealTerms></Deal>"""
    tracks = "".join(
        f"<DealReleaseReference>R{number}</DealReleaseReference>"
        for number in range(1, len(album.tracks) + 1)
    )
    return f"""  <ReleaseDeal>{tracks}{terms}</ReleaseDeal>
  <ReleaseDeal><DealReleaseReference>R0</DealReleaseReference>{terms}</ReleaseDeal>"""


def _indented(xml: str) -> bytes:
    return "\n".join(line for line in xml.splitlines() if line.strip()).encode()
